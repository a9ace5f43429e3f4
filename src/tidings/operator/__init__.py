"""What operators do and see: moderation, sign-in, status, the doctor, explanations.

In: commands and forms of somebody who signed in. Out: changes noted on what they concern, pages,
and reasons in words.
"""
