"""The speed of one training step beside that of other software: `python3 run.py bench`."""
