-- Runs once, while the volume of the database is empty: the logins, and a database for each.
--
-- The processes log in as `caravan`, which is a member of `caravan_app` and of nothing else; only
-- the migration logs in as the owner of the tables. So who takes the password of a process cannot
-- edit the books. The role is made here, which spares the owner the right to make roles.
\set ON_ERROR_STOP on
\getenv owner_password POSTGRES_OWNER_PASSWORD
\getenv caravan_password POSTGRES_CARAVAN_PASSWORD
\getenv temporal_password POSTGRES_TEMPORAL_PASSWORD

CREATE ROLE caravan_app NOLOGIN;
CREATE ROLE caravan_owner LOGIN PASSWORD :'owner_password';
GRANT caravan_app TO caravan_owner WITH ADMIN OPTION;
CREATE ROLE caravan LOGIN PASSWORD :'caravan_password' IN ROLE caravan_app;
CREATE DATABASE caravan OWNER caravan_owner;
REVOKE ALL ON DATABASE caravan FROM PUBLIC;
GRANT CONNECT ON DATABASE caravan TO caravan;

CREATE ROLE temporal LOGIN PASSWORD :'temporal_password';
CREATE DATABASE temporal OWNER temporal;
CREATE DATABASE temporal_visibility OWNER temporal;
REVOKE ALL ON DATABASE temporal, temporal_visibility FROM PUBLIC;
