(table [(bare_key) (dotted_key) (quoted_key)] @name "]" @body.after) @definition.section
(table_array_element [(bare_key) (dotted_key) (quoted_key)] @name "]]" @body.after) @definition.section
(pair [(bare_key) (dotted_key) (quoted_key)] @name) @definition.key
