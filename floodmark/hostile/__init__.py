"""Slow and hostile clients: what does a server still serve to others while they are there?"""
