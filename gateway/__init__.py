"""What the product does: the life of a query, from the door to the released answer."""
