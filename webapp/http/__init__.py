"""What every request passes: who sends it, what they may do, what they sent, how a refusal looks."""
