"""Files of arrays: replaced atomically, and validated before they are used."""
