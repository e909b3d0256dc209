"""The parts of gpu_speed.py."""
