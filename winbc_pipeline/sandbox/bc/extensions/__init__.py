"""Extensions: the APIs that installed apps bring, under `api/{publisher}/{group}/{version}`.

The sandbox knows no app. A description says what an app has (description.py), a host answers for it (host.py, api.py).
What an app's actions do is Python that is registered by name (behaviours.py).
"""
