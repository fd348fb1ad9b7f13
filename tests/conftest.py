"""What all tests need of the process they run in."""

import signal

# A shell that starts something in the background has it ignore SIGINT, and with it everything that it starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
