"""bge_embeddings.json: the sentences of embeddings.json through bge-small-en-v1.5 in transformers, first token, length 1.

    python3 tests/goldens/lm/make_bge.py MODEL_FOLDER tests/goldens/lm        (transformers 5.23, torch 2.15)
"""
import json
import sys

import torch
from transformers import AutoModel, AutoTokenizer

model, out = sys.argv[1:]
bert, tokenizer = AutoModel.from_pretrained(model).eval(), AutoTokenizer.from_pretrained(model)
made = []
with torch.no_grad():
    for row in json.load(open(out + "/embeddings.json")):
        first = bert(**tokenizer(row["text"], return_tensors="pt")).last_hidden_state[0, 0]
        made.append({"text": row["text"], "embedding": [round(float(v), 6) for v in torch.nn.functional.normalize(first, dim=0)]})
with open(out + "/bge_embeddings.json", "w") as f:
    json.dump(made, f, separators=(",", ":"))
