"""Health check of a container: exits with 0 if its process is ready. Run by path, on the standard library only."""

import http.client
import os
import sys


def main(port: int) -> str | None:
    """Return what keeps the process from working, or None."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=4)
    try:
        connection.request("GET", "/ready")
        answer = connection.getresponse()
        return None if answer.status == http.client.OK else answer.read(2000).decode()
    except (OSError, http.client.HTTPException) as error:
        return f"no answer: {error}"
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main(int(os.environ["HTTP_PORT"])))
