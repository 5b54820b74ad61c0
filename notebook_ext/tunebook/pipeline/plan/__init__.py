"""A plan: a spec with everything resolved, decided and explained, under one hash that a person consents to."""

from tunebook.pipeline.plan.make import make_plan
from tunebook.pipeline.plan.model import Decision, Plan, PlanResult, load_plan

__all__ = ["Decision", "Plan", "PlanResult", "load_plan", "make_plan"]
