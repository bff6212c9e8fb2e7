"""What a portfolio may hold: the rules of its tables, sessions and loads, each listing faults.

Reading a site and `scc check` apply the same rules, so that neither knows what the other does not.
"""
