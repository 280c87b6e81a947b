"""Labels, couriers and addresses in the database."""
