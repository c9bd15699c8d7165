"""Clients that nobody here wrote, unmodified, against the Business Central sandbox: `make clients`.

The Python clients get a virtual environment from requirements.lock; npm installs the others where node is there.
Exit code 0 only if all that ran passed; what did not run is named.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

import httpx

from winbc_pipeline.sandbox.bc.app import create_app
from winbc_pipeline.sandbox.server import running
from winbc_pipeline.sandbox.setup_data import COMPANY_ID

sys.path.insert(0, str(Path(__file__).parent))

from edge import edge  # noqa: E402 - stands beside this file

HERE = Path(__file__).parent
CLIENTS = HERE / ".venv" / ("Scripts" if sys.platform == "win32" else "bin")
LOGIN = {
    "grant_type": "client_credentials",
    "client_id": "winbc",
    "client_secret": "sandbox-secret",
    "scope": "https://api.businesscentral.dynamics.com/.default",
}
CONFIGURATION = f"""
[defaults]
profile = "sandbox"
format = "json"

[profiles.sandbox]
tenant_id = "sandbox-tenant"
environment = "sandbox"
company_id = "{COMPANY_ID}"
auth_method = "client_credentials"
client_id = "winbc"
client_secret_env = "BC_SECRET"
api_publisher = "microsoft"
"""


def install() -> None:
    if not (CLIENTS / "bcli").exists() and not (CLIENTS / "bcli.exe").exists():
        venv.create(HERE / ".venv", with_pip=True)
        lock = str(HERE / "requirements.lock")
        pip = [str(CLIENTS / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        subprocess.run([*pip, "--require-hashes", "-r", lock], check=True)


def bc_cli(sandbox: str, folder: Path) -> None:
    """Its two host names are fixed in its code, so a proxy leads it to the sandbox."""
    home = folder / "home"
    (home / ".config" / "bcli").mkdir(parents=True, mode=0o700)
    (home / ".config" / "bcli" / "config.toml").write_text(CONFIGURATION)
    with edge(sandbox, folder) as gate:
        kept = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
        trust = {"SSL_CERT_FILE": str(gate.authority), "REQUESTS_CA_BUNDLE": str(gate.authority)}
        keyring = {"PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}
        own = {"HOME": str(home), "HTTPS_PROXY": gate.proxy, "BC_SECRET": "sandbox-secret"} | trust | keyring
        command = [str(CLIENTS / "python"), str(HERE / "drive_bc_cli.py"), str(CLIENTS / "bcli")]
        subprocess.run(command, env=kept | own, check=True)


def installed_by_npm(name: str, folder: Path) -> Path | None:
    """A copy of the client's folder with its packages from the lock file, or None, and then it is said why."""
    if not shutil.which("npm"):
        print(f"{name}: NOT RUN, node and npm are not on this machine")
        return None
    work = folder / name
    shutil.copytree(HERE / name, work, ignore=shutil.ignore_patterns("node_modules"))
    command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--silent"]
    if subprocess.run(command, cwd=work, check=False).returncode:
        print(f"{name}: NOT RUN, npm could not install it")
        return None
    return work


def odata_client(base: str, token_address: str, folder: Path) -> None:
    """@odata/client signs in by itself, and has no need of $metadata."""
    if work := installed_by_npm("odata_client", folder):
        credentials = [LOGIN[name] for name in ("client_id", "client_secret", "scope")]
        command = ["node", "drive.js", base, COMPANY_ID, token_address, *credentials]
        subprocess.run(command, cwd=work, check=True)


def generated(base: str, token: str, folder: Path) -> None:
    """odata2ts generates a client from $metadata, the compiler checks it, and it runs."""
    if not (work := installed_by_npm("odata2ts", folder)):
        return
    headers = {"Authorization": f"Bearer {token}"}
    (work / "metadata.xml").write_bytes(httpx.get(f"{base}/$metadata", headers=headers).content)
    environment = os.environ | {"CSDL": "metadata.xml"}
    compiler = ["node", "--stack-size=7000", "node_modules/typescript/lib/tsc.js"]  # 60 types that refer to each other
    for step in (["npx", "odata2ts"], compiler):
        subprocess.run(step, cwd=work, env=environment, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["node", "dist/drive.js", base, token, COMPANY_ID], cwd=work, check=True)


def main() -> None:
    install()
    with running(create_app()) as sandbox, tempfile.TemporaryDirectory() as folder:
        token_address = f"{sandbox}/sandbox-tenant/oauth2/v2.0/token"
        token = httpx.post(token_address, data=LOGIN).json()["access_token"]
        base = f"{sandbox}/v2.0/sandbox/api/v2.0"
        for name in ("drive_pybusinesscentral.py", "drive_python_odata.py"):
            command = [str(CLIENTS / "python"), str(HERE / name), base, token, COMPANY_ID]
            subprocess.run(command, check=True)
        bc_cli(sandbox, Path(folder))
        odata_client(base, token_address, Path(folder))
        generated(base, token, Path(folder))


if __name__ == "__main__":
    main()
