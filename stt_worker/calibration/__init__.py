"""What suits this machine: tried out (`trials`), judged (`findings`), kept for the workers to go by (`keeping`)."""
