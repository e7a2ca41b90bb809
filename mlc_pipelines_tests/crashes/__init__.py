"""Workers of every connection, killed with SIGKILL at every commit, call and answered write."""
