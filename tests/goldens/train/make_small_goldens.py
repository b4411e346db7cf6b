"""Prints the small golden values written into the tests: AdamW, schedules, DPO losses, from torch and transformers."""
import torch
import torch.nn.functional as F
from transformers import get_scheduler

p = torch.nn.Parameter(torch.tensor([0.5, -1.0, 2.0, 0.0]))
o = torch.optim.AdamW([p], lr=0.1, betas=(0.9, 0.99), eps=1e-8, weight_decay=0.1)
for k in range(3):
    p.grad = torch.tensor([0.1 * (k + 1), -2.0, 0.003, 1.0 - k])
    o.step()
    print("adamw", p.tolist())

b, e = 0.3, 0.1
c, r, rc, rr = [torch.tensor(x, dtype=torch.float64) for x in (-12.5, -20.0, -13.0, -18.25)]
d, ct, rt = (c - rc) - (r - rr), 5, 8
print("sigmoid", -F.logsigmoid(b * d))
print("sigmoid, smoothed", -(1 - e) * F.logsigmoid(b * d) - e * F.logsigmoid(-b * d))
print("robust", (-(1 - e) * F.logsigmoid(b * d) + e * F.logsigmoid(-b * d)) / (1 - 2 * e))
print("hinge", torch.relu(1 - b * d))
print("ipo", ((c - rc) / ct - (r - rr) / rt - 1 / (2 * b)) ** 2)
print("apo_zero", 1 - torch.sigmoid(b * (c - rc)) + torch.sigmoid(b * (r - rr)))
print("sigmoid_norm", -F.logsigmoid(b * ((c - rc) / ct - (r - rr) / rt)))

for name in ("linear", "cosine", "constant_with_warmup"):
    q = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    s = get_scheduler(name, q, num_warmup_steps=2, num_training_steps=8)
    rates = []
    for _ in range(8):
        rates.append(q.param_groups[0]["lr"])
        q.step()
        s.step()
    print(name, rates)
