"""Engage: audiences, playbooks, the gate, leader tasks, inbox."""
