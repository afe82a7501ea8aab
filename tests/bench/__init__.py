"""What imgmagic costs, measured with real parts: `python -m tests.bench` prints one table.

Every row comes from fresh processes of one run and is the median of several rounds. What is compared is measured in the
same round, one after the other, so that a busy machine slows both. Absolute times differ between machines and are never
asserted in a test; the table says whether they are what they must be.
"""
