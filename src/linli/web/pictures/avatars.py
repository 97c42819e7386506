"""Eight faceless avatars, 96 x 96: a member or leader without a photo gets one, always the same."""

from __future__ import annotations

AVATARS = {
    "tulip": '<path d="M0 0H96V96H0Z" fill="#fde8ef"/><path d="M48 88V50" stroke="#4e9a58" stroke-width="6"/>'
    '<path d="M48 84C30 80 24 68 24 58c14 2 24 12 24 26ZM48 84c18-4 24-16 24-26-14 2-24 12-24 26Z" fill="#69b573"/>'
    '<path d="M28 22l10 10 10-14 10 14 10-10c4 22-6 34-20 34S24 44 28 22Z" fill="#d9476f"/>',
    "bamboo": '<path d="M0 0H96V96H0Z" fill="#dcebc8"/><path d="M34 96V8M60 96V20" stroke="#4d8c46" stroke-width="10"/>'
    '<path d="M28 38h12M28 66h12M54 48h12M54 76h12" stroke="#dcebc8" stroke-width="3"/>'
    '<path d="M38 30c16-14 28-12 34-8-8 10-22 14-34 8ZM58 58c-16-10-28-6-32 0 8 8 22 8 32 0Z" fill="#6bab5c"/>',
    "moon": '<path d="M0 0H96V96H0Z" fill="#2c3e66"/><path d="M60 20a30 30 0 1 0 14 52A34 34 0 0 1 60 20Z" fill="#f7e3a1"/>'
    '<circle cx="74" cy="26" r="3" fill="#fff"/><circle cx="82" cy="48" r="2" fill="#fff"/><circle cx="24" cy="18" r="2" fill="#fff"/>',
    "lotus": '<path d="M0 0H96V96H0Z" fill="#d8efe2"/><path d="M48 24c12 14 12 34 0 46-12-12-12-32 0-46Z" fill="#ee8fb0"/>'
    '<path d="M24 38c16 4 24 18 24 34-16-2-26-16-24-34ZM72 38C56 42 48 56 48 72c16-2 26-16 24-34Z" fill="#f4adc6"/>'
    '<path d="M14 74q34 14 68 0-10 16-34 16T14 74Z" fill="#4b9a6c"/>',
    "cat": '<path d="M0 0H96V96H0Z" fill="#f6d9b3"/><path d="M24 34 28 14 44 28H54L70 14 74 34C82 60 68 78 49 78S16 60 24 34Z" fill="#6c5b52"/>'
    '<circle cx="38" cy="46" r="5" fill="#fff3d6"/><circle cx="60" cy="46" r="5" fill="#fff3d6"/><path d="M45 57h8l-4 5Z" fill="#f2a7a0"/>',
    "tea": '<path d="M0 0H96V96H0Z" fill="#e4dccb"/><path d="M22 42H68V58c0 14-10 22-23 22S22 72 22 58Z" fill="#8b5a3c"/>'
    '<path d="M68 46h8c8 0 8 18-8 18" stroke="#8b5a3c" stroke-width="6" fill="none"/>'
    '<path d="M36 32c-4-6 4-8 0-14M50 32c-4-6 4-8 0-14" stroke="#fff" stroke-width="4" fill="none" stroke-linecap="round"/>',
    "sea": '<path d="M0 0H96V96H0Z" fill="#fbd4b4"/><circle cx="48" cy="52" r="18" fill="#f4845f"/>'
    '<path d="M0 56q12-8 24 0t24 0 24 0 24 0V96H0Z" fill="#3d7ea6"/><path d="M0 70q12-8 24 0t24 0 24 0 24 0V96H0Z" fill="#2c6288"/>',
    "hill": '<path d="M0 0H96V96H0Z" fill="#bfe0f0"/><circle cx="66" cy="30" r="12" fill="#ffd66b"/>'
    '<path d="M0 74 32 36 56 66 70 52 96 78V96H0Z" fill="#5f9e7a"/><path d="M0 86 24 68 50 88 96 70V96H0Z" fill="#3f7d5c"/>',
}


def drawing(name: str) -> str:
    """The avatar as an SVG document."""
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 96 96" width="96" height="96">{AVATARS[name]}</svg>'


def avatar_of(number: int) -> str:
    """The avatar that this member or leader always has. Neighbouring numbers get different ones."""
    return list(AVATARS)[(number * 5 + number // 8) % len(AVATARS)]
