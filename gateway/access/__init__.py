"""Access control: authentication, origins, admission, quotas, and the registry of open sessions."""
