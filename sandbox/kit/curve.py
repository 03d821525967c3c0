"""ES256 signatures are checked here with nothing but integers: ECDSA over P-256 with SHA-256.

FIPS 186-5 (verification) and SP 800-186 (the curve); RFC 7518, section 3.4 (the signature is r and
s, 32 bytes each). Only checking, nothing secret: it need not run in constant time.
"""

from __future__ import annotations

from hashlib import sha256

P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
Point = tuple[int, int, int]
"""Jacobian coordinates: (x / z², y / z³); z is 0 for the point at infinity."""
INFINITY: Point = (1, 1, 0)


def verifies(x: int, y: int, message: bytes, signature: bytes) -> bool:
    """Whether the key (x, y) has signed `message`."""
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    on_curve = 0 <= x < P and 0 <= y < P and (y * y - (x * x * x - 3 * x + B)) % P == 0
    if len(signature) != 64 or not (0 < r < N and 0 < s < N and on_curve):
        return False
    inverse = pow(s, -1, N)
    first = int.from_bytes(sha256(message).digest(), "big") * inverse % N
    total = sum_of(first, (*G, 1), r * inverse % N, (x, y, 1))
    if total[2] == 0:
        return False
    return total[0] * pow(total[2], -2, P) % P % N == r


def sum_of(first: int, one: Point, second: int, other: Point) -> Point:
    """first * one + second * other, both at once (Shamir's trick)."""
    both = add(one, other)
    total = INFINITY
    for bit in reversed(range(256)):
        total = double(total)
        match first >> bit & 1, second >> bit & 1:
            case 1, 1:
                total = add(total, both)
            case 1, 0:
                total = add(total, one)
            case 0, 1:
                total = add(total, other)
    return total


def double(point: Point) -> Point:
    """The point twice; the curve's a is -3."""
    x, y, z = point
    if z == 0 or y == 0:
        return INFINITY
    square = y * y % P
    span = 4 * x * square % P
    slope = 3 * (x - z * z) * (x + z * z) % P
    new_x = (slope * slope - 2 * span) % P
    return new_x, (slope * (span - new_x) - 8 * square * square) % P, 2 * y * z % P


def add(one: Point, other: Point) -> Point:
    """The sum of two points."""
    if one[2] == 0 or other[2] == 0:
        return other if one[2] == 0 else one
    square, other_square = one[2] * one[2] % P, other[2] * other[2] % P
    u, v = one[0] * other_square % P, other[0] * square % P
    s = one[1] * other_square * other[2] % P
    t = other[1] * square * one[2] % P
    if u == v:
        return double(one) if s == t else INFINITY
    h, slope = (v - u) % P, (t - s) % P
    h2 = h * h % P
    h3 = h * h2 % P
    new_x = (slope * slope - h3 - 2 * u * h2) % P
    return new_x, (slope * (u * h2 - new_x) - s * h3) % P, h * one[2] * other[2] % P
