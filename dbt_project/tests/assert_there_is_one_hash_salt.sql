-- Two come of two machines that make the tables of one warehouse at the same moment. The oldest
-- counts; when everybody agrees on it, delete the other from genesys_raw.hash_salts.

select count(distinct salts.salt) as salt_count
from {{ raw_table('loader', 'hash_salts') }} as salts
having count(distinct salts.salt) > 1
