"""The service is what its document says: Schemathesis calls it with what the document allows, and with what it does not."""

import os
import subprocess
import sys
from pathlib import Path

from service import service

HERE = Path(__file__).parent

# Nobody is kept from calling by a limit, and hashes are cheap: it is thousands of calls.
VARIABLES = {
    "DOORWARD_LOGIN_RATE": "off",
    "DOORWARD_SIGN_UP_RATE": "off",
    "DOORWARD_OTP_RATE": "1000000/1",
    "DOORWARD_ARGON2": "m=8,t=1,p=1",
    "DOORWARD_ACCESS_TTL": "86400",
}

with service(**VARIABLES) as (base, admin_password):
    environment = os.environ | {"BASE": base, "ADMIN_PASSWORD": admin_password, "PYTHONPATH": str(HERE)}
    command = ["schemathesis", "--config-file", str(HERE / "schemathesis.toml"), "run", f"{base}/openapi.json"]
    sys.exit(subprocess.run(command + sys.argv[1:], env=environment).returncode)
