"""Mutants of a user's own code: what share of small mistakes in it would a verification have noticed?"""
