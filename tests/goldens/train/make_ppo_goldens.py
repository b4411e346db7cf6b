"""Writes ppo.json: PPO's arithmetic by the code that TRL's PPOTrainer had until it left TRL (trl 0.2x,
trainer/ppo_trainer.py and trainer/utils.py: masked_whiten, the GAE loop, the losses of a mini-batch), on random numbers.

    python make_ppo_goldens.py

TRL puts the score of a completion one place after its last token where there is room, and gives that place a value; ours
stands at the last token. The sequences here are full, where both are the same.
"""
import json
import torch

torch.manual_seed(3)
B, T = 3, 5
GAMMA, LAM, CLIP, CLIP_VALUE, VF, KL = 0.97, 0.9, 0.2, 0.2, 0.1, 0.05


def masked_mean(values, mask): return (values * mask).sum() / mask.sum()


def masked_var(values, mask):
    centred = values - masked_mean(values, mask)
    variance = masked_mean(centred ** 2, mask)
    n = mask.sum()
    return variance * n / (n - 1)


def masked_whiten(values, mask, shift_mean=True):
    mean, var = masked_mean(values, mask), masked_var(values, mask)
    whitened = (values - mean) * torch.rsqrt(var + 1e-8)
    return whitened if shift_mean else whitened + mean


d = torch.float64
logprobs = -torch.rand(B, T, dtype=d) * 3
ref_logprobs = logprobs + torch.randn(B, T, dtype=d) * 0.3
values = torch.randn(B, T, dtype=d) * 0.5
scores = torch.randn(B, dtype=d)
mask = torch.ones(B, T, dtype=d)
rewards = -KL * (logprobs - ref_logprobs)
rewards[:, -1] += scores
white_rewards = masked_whiten(rewards, mask, shift_mean=False)

last, reversed_advantages = 0, []
for t in reversed(range(T)):
    next_values = values[:, t + 1] if t < T - 1 else 0.0
    delta = white_rewards[:, t] + GAMMA * next_values - values[:, t]
    last = delta + GAMMA * LAM * last
    reversed_advantages.append(last)
advantages = torch.stack(reversed_advantages[::-1], axis=1)
returns = advantages + values
white = masked_whiten(advantages, mask)

new_logprobs = (logprobs + torch.randn(B, T, dtype=d) * 0.25).requires_grad_()
vpred = (values + torch.randn(B, T, dtype=d) * 0.3).requires_grad_()
clipped = torch.clamp(vpred, values - CLIP_VALUE, values + CLIP_VALUE)
losses1, losses2 = torch.square(vpred - returns), torch.square(clipped - returns)
vf_loss = 0.5 * masked_mean(torch.max(losses1, losses2), mask)
ratio = torch.exp(new_logprobs - logprobs)
pg = torch.max(-white * ratio, -white * torch.clamp(ratio, 1.0 - CLIP, 1.0 + CLIP))
pg_loss = masked_mean(pg, mask)
loss = pg_loss + VF * vf_loss
loss.backward()

out = dict(gamma=GAMMA, lam=LAM, cliprange=CLIP, cliprange_value=CLIP_VALUE, vf_coef=VF, kl_coef=KL, logprobs=logprobs,
           ref_logprobs=ref_logprobs, values=values, scores=scores, white_rewards=white_rewards, advantages=advantages,
           returns=returns, white_advantages=white, new_logprobs=new_logprobs, new_values=vpred, loss=loss, pg_loss=pg_loss,
           vf_loss=vf_loss, vf_clipfrac=masked_mean((losses2 > losses1).double(), mask),
           approxkl=0.5 * ((new_logprobs - logprobs) ** 2).mean(), d_logprobs=new_logprobs.grad, d_values=vpred.grad)
with open("ppo.json", "w") as f:
    json.dump({k: v.tolist() if torch.is_tensor(v) else v for k, v in out.items()}, f)
    f.write("\n")
