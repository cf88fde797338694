"""Speed, measured side by side: our engines and the tools that one would use instead."""
