"""How a change lands: map it, plan against the live target, push the plan, note the outcome of each record."""
