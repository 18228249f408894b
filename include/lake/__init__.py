"""What the Delta tables are, how history gets in and how SQL reads them."""
