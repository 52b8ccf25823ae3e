#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Turns openapi.yaml into the JSON that is served, and that into C for embedding: yaml_to_json.py IN OUT.json OUT.c"""
import json
import sys

import yaml

with open(sys.argv[1], encoding="utf-8") as source:
    document = yaml.safe_load(source)
text = json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n"
with open(sys.argv[2], "w", encoding="utf-8") as target:
    target.write(text)

data = text.encode("utf-8")
with open(sys.argv[3], "w", encoding="ascii") as target:
    target.write('#include "api/openapi_json.h"\n\nconst unsigned char openapi_json[] = {\n')
    for at in range(0, len(data), 24):
        target.write(",".join(str(byte) for byte in data[at:at + 24]) + ",\n")
    target.write("};\nconst size_t openapi_json_size = sizeof openapi_json;\n")
