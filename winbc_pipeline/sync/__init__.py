"""How a change lands: map, plan against the live target, push, and what became of each record."""
