"""The phone surfaces: the shop for members, the workbench for leaders."""
