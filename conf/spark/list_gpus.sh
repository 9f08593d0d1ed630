#!/bin/sh
# The GPUs of this node, as Spark asks for them: one line of JSON.
nvidia-smi --query-gpu=index --format=csv,noheader |
    awk '{ found = found separator "\"" $1 "\""; separator = ", " } END { print "{\"name\": \"gpu\", \"addresses\": [" found "]}" }'
