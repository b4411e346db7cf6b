"""A gateway before a mock vendor of either kind, and the real clients (deps/clients) to call it with."""
import os
import pathlib
import subprocess
import sys

from client_vendor import Vendor
from service import SHOP, Gateway, skip

ROOT = pathlib.Path(__file__).resolve().parents[2]
CARD = "4111 1111 1111 1111"


def clients():
    """The folder with the clients, installed where they are not yet."""
    install = ROOT / "deps" / "install"
    done = subprocess.run([install, "clients"], capture_output=True, text=True)
    if done.returncode != 0:
        skip("the clients cannot be installed here: " + (done.stderr.strip().splitlines() or ["no reason given"])[-1])
    return pathlib.Path(subprocess.run([install, "clients-dir"], capture_output=True, text=True).stdout.strip())


def python():
    return clients() / "python" / "bin" / "python"


def node():
    folder = subprocess.run([ROOT / "deps" / "install", "node-bin"], capture_output=True, text=True).stdout.strip()
    return os.path.join(folder, "node") if folder else "node"


def gateway(plumb, vendor):
    """`gpt` is answered in OpenAI's protocol, `claude` in Anthropic's."""
    def edit(project):
        (project / "policy.yaml").write_text(SHOP)
        config = project / "plumb.yaml"
        keys = config.read_text().split("keys:")[1]
        config.write_text(f"""listen: 127.0.0.1:8080
providers:
  gpts: {{kind: openai, url: "{vendor.url}"}}
  claudes: {{kind: anthropic, url: "{vendor.url}"}}
models: {{gpt: "gpts:mock-1", claude: "claudes:mock-1"}}
ledger: ledger.db
lm: {{encoder: off}}
guard: off
keys:{keys}""")
    return Gateway(os.path.abspath(plumb), ["--upstream", vendor.url], edit)


def main(file, checks):
    """Runs `checks(url, key, model)` with the clients' Python, before each kind of vendor."""
    if sys.argv[1] == "--checks":
        checks(*sys.argv[2:])
        return
    interpreter = python()
    with gateway(sys.argv[1], Vendor()) as served:
        for model in ("gpt", "claude"):
            if subprocess.run([interpreter, file, "--checks", served.url, served.key, model]).returncode != 0:
                sys.exit(f"failed before {model}")
        rows = served.get("/api/exchanges?limit=500")["exchanges"]
        assert rows and all(row["status"] == "ok" for row in rows), rows
