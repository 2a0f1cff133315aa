"""The files a chain hands to a store: catalogue, floor plan, stock, checked as a whole."""
