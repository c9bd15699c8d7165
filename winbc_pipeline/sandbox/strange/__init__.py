"""Shops made to order: legal by Winstore's contract, and odd in ways that real shops are odd.

Here belongs: what makes a shop odd, and what is known to be wrong with which record. What the program makes of it is
tried by the tests. Concept page: docs/sandbox.md.
"""
