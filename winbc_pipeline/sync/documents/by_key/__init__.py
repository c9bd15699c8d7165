"""Documents by order requests of the companion app: made once by their key, in one transaction."""
