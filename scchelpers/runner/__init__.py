"""Running notebooks over the sites of a portfolio and publishing what they found."""
