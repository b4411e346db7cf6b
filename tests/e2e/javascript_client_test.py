"""The official OpenAI and Anthropic JavaScript clients against `plumb serve`, before a vendor of either kind.

    javascript_client_test.py PLUMB
"""
import pathlib
import subprocess
import sys

from client_gateway import clients, gateway, node
from client_vendor import Vendor


def main():
    folder = clients()
    script = pathlib.Path(__file__).with_name("javascript_client.mjs")
    with gateway(sys.argv[1], Vendor()) as served:
        for model in ("gpt", "claude"):
            if subprocess.run([node(), script, str(folder), served.url, served.key, model]).returncode != 0:
                sys.exit(f"failed before {model}")


if __name__ == "__main__":
    main()
