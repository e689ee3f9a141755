"""`backstay up`: starts and restarts the processes of an installation."""
