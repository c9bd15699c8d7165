"""The systems that are kept in step: one package for each, and the transport through which both are called."""
