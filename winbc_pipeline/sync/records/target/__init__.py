"""How the records of the target are found, named and written: by fields, by keys, by codes; Winstore as a target."""
