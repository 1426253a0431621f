"""What images there are and what is known about them."""
