-- SPDX-License-Identifier: Apache-2.0
-- Runs inside Neovim for editor.test.mjs: opens a broken shader, mends it by typing, and does the same with a header. Writes
-- what it saw as JSON to the file named in $SPVSCOPE_SEEN.
local folder, seen = vim.env.SPVSCOPE_FOLDER, {}
vim.opt.runtimepath:append(vim.env.SPVSCOPE_PLUGIN)
local told = {}
vim.notify = function(message) table.insert(told, message) end
vim.cmd('edit ' .. folder .. '/early.frag') -- before the plugin is there
require('spvscope').setup({ url = vim.env.SPVSCOPE_URL, delay_ms = 20, request = { target = { env = 'vulkan1.1' } } })

local function diagnostics()
	return vim.tbl_map(function(d)
		return { line = d.lnum, from = d.col, to = d.end_col, message = d.message, code = d.code, buffer = vim.fn.bufname(d.bufnr) }
	end, vim.diagnostic.get(nil))
end

-- Waits until there are n diagnostics, and notes them.
local function wait(name, n)
	vim.wait(20000, function() return #vim.diagnostic.get(nil) == n end, 5)
	seen[name] = diagnostics()
end

local function type_keys(keys)
	vim.api.nvim_feedkeys(vim.api.nvim_replace_termcodes(keys, true, false, true), 'tx', false)
end

wait('early', 1)
vim.cmd('SpvscopeStop')
wait('stopped', 0)
vim.cmd('edit ' .. folder .. '/broken.frag')
wait('opened', 1)
type_keys('/nothing<CR>cwcolour.x<Esc>')
wait('mended', 0)
type_keys('Gothis is not GLSL<Esc>')
vim.wait(20000, function() return #vim.diagnostic.get(nil) > 0 end, 5)
seen.broken_again = diagnostics()
type_keys('dd')
wait('undone', 0)

-- A header that is open shows its own errors; by itself it is no shader at all.
vim.cmd('edit ' .. folder .. '/lib/light.glsl')
vim.cmd('SpvscopeRoot ' .. folder .. '/user.frag')
wait('header', 1)
type_keys('/absent<CR>cw1.0<Esc>')
wait('header_mended', 0)

-- With nothing set: the file that includes it is open, and tells.
vim.cmd('SpvscopeRoot')
vim.cmd('edit ' .. folder .. '/user.frag')
wait('includer', 0)
vim.cmd('edit ' .. folder .. '/lib/light.glsl')
type_keys('/1.0<CR>ct;gone<Esc>')
wait('header_by_includer', 1)
type_keys('/gone<CR>ct;1.0<Esc>')
wait('header_by_includer_mended', 0)

-- A stage that no name tells is asked for once, and taken from the buffer's own fields.
told = {}
vim.cmd('edit ' .. folder .. '/sky.hlsl')
vim.wait(20000, function() return #told > 0 end, 5)
type_keys('Go// more<Esc>')
vim.cmd('SpvscopeCheck')
vim.wait(300, function() return #told > 1 end, 5)
seen.asked = told
vim.cmd("let b:spvscope = {'stage': 'fragment'}")
vim.cmd('SpvscopeCheck')
vim.wait(20000, function() return #vim.diagnostic.get(nil) > 0 end, 5)
seen.hlsl = diagnostics()

-- What is only begun is not wrong yet; a buffer that goes takes its diagnostics along.
vim.cmd('SpvscopeStop')
vim.cmd('edit ' .. folder .. '/new.frag')
vim.wait(300, function() return #vim.diagnostic.get(nil) > 0 end, 5)
seen.blank = diagnostics()
type_keys('iwrong<Esc>')
vim.wait(20000, function() return #vim.diagnostic.get(nil) > 0 end, 5)
vim.cmd('bwipeout!')
wait('wiped', 0)

local file = io.open(vim.env.SPVSCOPE_SEEN, 'w')
file:write(vim.json.encode(seen))
file:close()
vim.cmd('qall!')
