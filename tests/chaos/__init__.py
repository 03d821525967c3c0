"""The storm: everything is killed while posts go out, and then three books are compared."""
