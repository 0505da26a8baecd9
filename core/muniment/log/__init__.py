"""The log: an append-only Merkle tree of entries that anybody can check.

Pure: no file, no database, no clock. Only signing and verifying checkpoints
needs ``cryptography``, and imports it when asked to.

==============  ===============================================================
``kinds``       the closed list of what an entry can be about
``entry``       one entry: bytes, commitment, tags, bundles
``detail``      the details behind the commitments, packed for the store
``binding``     what an entry binds besides its detail: hashes of versions
``tree``        RFC 6962: roots, frontier, inclusion and consistency proofs
``checkpoint``  signed notes, checkpoints, cosignatures, the mac of a batch
``tiles``       a log as files that other people's tools read
``proof``       the proof of one entry as a text that stands alone
==============  ===============================================================

Names are imported from these modules, so that a command that writes one entry
does not load what proves and signs.
"""
