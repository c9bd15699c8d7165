"""What a run publishes, and when: outcomes, how its flow is, how far it is. Where it goes: staging/published/."""
