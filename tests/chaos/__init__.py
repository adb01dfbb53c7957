"""Tools that attack a running system while simulated clients speak, and check that no result is lost."""
