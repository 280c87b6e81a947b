"""The life of one payment for goods that came after their refund."""
