"""Files of arrays: written whole or not at all, and judged before anything is made of them."""
