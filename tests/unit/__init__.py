"""The files without effects, one by one."""
